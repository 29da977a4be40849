// Buttons that copy an address, a secret or a command; without a clipboard they stay hidden.
(function () {
  "use strict";
  if (!navigator.clipboard) { return; }
  document.querySelectorAll("[data-copy]").forEach(function (button) {
    var words = button.firstChild;
    button.classList.add("is-ready");
    button.addEventListener("click", function () {
      var text = document.getElementById(button.dataset.copy).textContent;
      navigator.clipboard.writeText(text).then(function () {
        words.textContent = "Copied";
        window.setTimeout(function () { words.textContent = "Copy"; }, 2000);
      });
    });
  });
})();
