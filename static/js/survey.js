// Takes the code out of the link into the form. It never leaves the browser as part of an address.
(function () {
  "use strict";
  var part = document.getElementById("survey-code");
  var form = document.getElementById("survey");
  if (!part || !form) { return; }
  function take() {
    var code = decodeURIComponent(window.location.hash.slice(1));
    if (!code) { return; }
    form.elements.code.value = code;
    part.hidden = !part.hasAttribute("data-wrong");
  }
  take();
  window.addEventListener("hashchange", take);
  form.addEventListener("submit", function () {
    // what is sent is in the form; the history of a shared computer keeps no code
    if (window.location.hash) { window.history.replaceState(null, "", window.location.pathname); }
  });
})();
