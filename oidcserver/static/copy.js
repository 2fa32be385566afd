// A button beside each value that is there to be copied. Without scripts there is none.
for (const value of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button quiet";
  button.textContent = value.dataset.copy;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(value.textContent);
      button.textContent = value.dataset.copied;
    } catch {
      getSelection().selectAllChildren(value);
    }
  });
  value.after(document.createTextNode(" "), button);
}
