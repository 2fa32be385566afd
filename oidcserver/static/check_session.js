// OpenID Connect Session Management 1.0 section 3.3: whoever shows this page in a frame posts
// "client_id session_state" and is told "unchanged", "changed" or "error".
(function () {
  "use strict";

  var COOKIE = document.documentElement.getAttribute("data-cookie") + "=";
  var MESSAGE = /^(.+) [0-9a-f]{64}\.([A-Za-z0-9_-]+)$/;

  function browserState() {
    var cookies = document.cookie.split("; "), i;
    for (i = 0; i < cookies.length; i += 1) {
      if (cookies[i].indexOf(COOKIE) === 0) return cookies[i].slice(COOKIE.length);
    }
    return "";
  }

  function answer(message, origin) {
    var parts = MESSAGE.exec(message), state = browserState(), hash;
    // Without a state, since the browser keeps cookies from us here, "changed" would send the
    // relying party to prompt=none again and again; on "error" it must not go there.
    if (!parts || !state) return "error";
    try {
      hash = sha256([parts[1], origin, state, parts[2]].join(" "));
    } catch (unpairedSurrogate) {
      return "error";
    }
    return message === parts[1] + " " + hash + "." + parts[2] ? "unchanged" : "changed";
  }

  window.addEventListener("message", function (event) {
    // An opaque origin ("null") can neither be a redirect URI's nor be answered.
    if (typeof event.data !== "string" || !event.source || event.origin === "null") return;
    event.source.postMessage(answer(event.data, event.origin), event.origin);
  }, false);
}());
