// Without this script every section stands below the picture. With it the one that is looked at stands beside it: what
// the mouse or the keyboard is on, or what was chosen by a click or Enter until Escape.
(() => {
  const links = [...document.querySelectorAll("svg a")];
  const sections = [...document.querySelectorAll("#details section")];
  if (!links.length || !sections.length) return;
  document.documentElement.classList.add("scripted");

  const chosen = () => document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const idOf = (link) => link.getAttribute("href").slice(1);

  function show(section) {
    for (const each of sections) each.classList.toggle("current", each === section);
    for (const link of links) link.classList.toggle("current", idOf(link) === section.id);
  }
  const settle = () => show(chosen() || sections[0]);

  for (const link of links) {
    const look = () => show(document.getElementById(idOf(link)));
    link.addEventListener("mouseenter", look);
    link.addEventListener("focus", look);
    link.addEventListener("mouseleave", settle);
  }
  addEventListener("hashchange", settle);

  document.querySelector("svg").addEventListener("keydown", (event) => {
    const at = links.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    history.replaceState(null, "", location.pathname + location.search);
    if (document.activeElement) document.activeElement.blur();
    settle();
  });
  settle();
})();
