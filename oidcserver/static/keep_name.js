// Keeps the name or address that was typed while the user chooses another language.
const names = document.querySelectorAll("main input[autocomplete~=username]");
const kept = sessionStorage.getItem("typed name");
sessionStorage.removeItem("typed name");
for (const field of names) field.value ||= kept || "";
document.querySelector(".languages")?.addEventListener("submit", () => {
  for (const field of names) sessionStorage.setItem("typed name", field.value);
});
