// Makes and uses passkeys. Without scripts, or without WebAuthn, its buttons stay hidden.
const decode = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const encode = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function read(options) {
  options.challenge = decode(options.challenge);
  if (options.user) options.user.id = decode(options.user.id);
  for (const list of [options.excludeCredentials, options.allowCredentials]) {
    for (const credential of list || []) credential.id = decode(credential.id);
  }
  return options;
}

function send(form, credential) {
  const { response } = credential;
  const answer = { id: credential.id, rawId: encode(credential.rawId), type: credential.type,
                   clientExtensionResults: credential.getClientExtensionResults(), response: {} };
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature",
                      "userHandle"]) {
    if (response[name]) answer.response[name] = encode(response[name]);
  }
  form.elements.credential.value = JSON.stringify(answer);
  form.submit();
}

let waiting = null;

async function run(form, conditional) {
  const publicKey = read(JSON.parse(form.dataset.options));
  if (waiting) waiting.abort();
  waiting = new AbortController();
  const message = form.querySelector("[data-failed]");
  try {
    const { signal } = waiting;
    const credential = publicKey.user
      ? await navigator.credentials.create({ publicKey, signal })
      : await navigator.credentials.get({
          publicKey, signal, ...(conditional ? { mediation: "conditional" } : {}) });
    send(form, credential);
  } catch (problem) {
    // The user gave up, the time was over, or another ceremony began: the page stays usable.
    if (problem.name !== "AbortError" && !conditional && message) message.hidden = false;
  }
}

async function start(form) {
  const button = form.querySelector("button");
  form.hidden = false;
  button.addEventListener("click", (event) => {
    event.preventDefault();
    run(form, false);
  });
  if ("conditional" in form.dataset && PublicKeyCredential.isConditionalMediationAvailable &&
      (await PublicKeyCredential.isConditionalMediationAvailable())) {
    run(form, true);
  }
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-options]")) start(form);
}
