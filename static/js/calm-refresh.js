// Regions marked data-calm refresh themselves, but never under somebody's hands: not while a form in them is
// open, filled in or focused, and not by a login page that came instead of the region.
(function () {
  "use strict";

  function isTouched(field) {
    if (field.type === "hidden" || field.type === "submit") { return false; }
    if (field.type === "checkbox" || field.type === "radio") { return field.checked !== field.defaultChecked; }
    if (field.options) {
      return Array.prototype.some.call(field.options, function (option, index) {
        var first = index === 0 && !field.querySelector("option[selected]");
        return option.selected !== (option.defaultSelected || first);
      });
    }
    return field.value !== field.defaultValue;
  }
  function isInUse(region) {
    return Boolean(region.querySelector("details[open], :active, form[data-sent]")) ||
      region.contains(document.activeElement) ||
      Array.prototype.some.call(region.querySelectorAll("input, select, textarea"), isTouched);
  }
  function calm(event) {
    var region = event.detail.elt;
    return region && region.matches && region.matches("[data-calm]") ? region : null;
  }

  document.addEventListener("htmx:beforeRequest", function (event) {
    var region = calm(event);
    if (region && (document.hidden || isInUse(region))) { event.preventDefault(); }
  });
  document.addEventListener("htmx:beforeSwap", function (event) {
    var region = calm(event);
    if (!region) { return; }
    if (isInUse(region)) { event.detail.shouldSwap = false; return; }
    if (event.detail.xhr.responseText.indexOf('id="' + region.id + '"') < 0) {
      event.detail.shouldSwap = false;
      window.location.reload();
    }
  });
})();
