// A slider beside each figure of a proposal: it writes into the figure, which alone is sent, and follows it.
(function () {
  "use strict";

  function figureOf(slider) { return document.getElementById(slider.dataset.slides); }
  document.querySelectorAll("input[type=range][data-slides]").forEach(function (slider) {
    var figure = figureOf(slider);
    if (!figure) { return; }
    slider.closest("[hidden]").hidden = false;
    slider.value = figure.value;
    slider.addEventListener("input", function () { figure.value = slider.value; });
    figure.addEventListener("input", function () {
      if (Number(figure.value) > Number(slider.max)) { slider.max = figure.value; }
      slider.value = figure.value;
    });
  });
})();
