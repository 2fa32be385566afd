// Times in UTC become times of the browser's zone, in the language of the page. Without scripts they
// say UTC.
for (const time of document.querySelectorAll("time[data-utc]")) {
  const language = document.documentElement.lang;
  const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  time.title = time.textContent;
  time.textContent = format.format(new Date(time.dateTime));
}
