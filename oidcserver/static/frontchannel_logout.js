// OpenID Connect Front-Channel Logout 1.0 section 3: go on when the frames of all applications are
// there, or after two seconds; then say which are not, and leave some time to read it. A browser
// says that a frame is there also when it shows an error, so that all we know is who was asked.
(function () {
  "use strict";

  var PATIENCE = 2000, READING = 3000;
  var came = [], over = false;

  function show(id) {
    document.getElementById(id).hidden = false;
  }

  function goOn(target) {
    // In place of this page, so that the back button does not lead to it.
    if (target) window.location.replace(target);
  }

  function finish(all) {
    var list = document.getElementById("applications"), target, frames, states, silent = 0, i, there;
    if (over || !list) return;
    over = true;
    target = list.getAttribute("data-target");
    frames = document.getElementsByTagName("iframe");
    states = list.getElementsByTagName("span");
    for (i = 0; i < frames.length; i += 1) {
      there = all || came.indexOf(frames[i]) >= 0;
      if (!there) silent += 1;
      states[i].textContent = list.getAttribute(there ? "data-asked" : "data-silent");
    }
    if (silent) {
      show("silent");
      window.setTimeout(function () { goOn(target); }, READING);
    } else {
      show("asked");
      goOn(target);
    }
  }

  // The event of a frame does not rise, but it comes by on its way down.
  document.addEventListener("load", function (event) {
    if (event.target.nodeName === "IFRAME") came.push(event.target);
  }, true);
  window.addEventListener("load", function () { finish(true); }, false);
  window.setTimeout(function () { finish(false); }, PATIENCE);
}());
