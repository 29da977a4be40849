// Runs before the first paint: the chosen colours, else the device's.
(function () {
  "use strict";
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var paper = window.matchMedia("print");
  function chosen() {
    try { return localStorage.getItem("colours"); } catch (refused) { return null; }
  }
  function apply() {
    var theme = paper.matches ? "light" : chosen() || (dark.matches ? "dark" : "light");
    root.setAttribute("data-bs-theme", theme);
  }
  root.classList.add("js");
  apply();
  dark.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  // paper is white; browsers tell of it in one way or the other
  paper.addEventListener("change", apply);
  window.addEventListener("beforeprint", function () { root.setAttribute("data-bs-theme", "light"); });
  window.addEventListener("afterprint", apply);
  window.applyColours = apply;
})();
