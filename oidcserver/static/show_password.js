// A box below each field for a password, which shows what was typed. Without scripts there is none.
const { label } = document.currentScript.dataset;
for (const field of document.querySelectorAll("input[type=password]")) {
  const choice = document.createElement("div");
  const box = document.createElement("input");
  const text = document.createElement("label");
  choice.className = "choice";
  box.type = "checkbox";
  box.id = `show-${field.id}`;
  text.htmlFor = box.id;
  text.textContent = label;
  box.addEventListener("change", () => { field.type = box.checked ? "text" : "password"; });
  // A browser that keeps what was typed must not take it for text.
  field.form.addEventListener("submit", () => { field.type = "password"; });
  choice.append(box, text);
  field.after(choice);
}
