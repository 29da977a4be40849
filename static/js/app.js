// Everything here improves pages that already work without it.
(function () {
  "use strict";

  // --- colours: as the device, light, dark ---------------------------------------------------------
  var NAMES = { "": "as the device", light: "light", dark: "dark" };
  function chosenColours() {
    try { return localStorage.getItem("colours") || ""; } catch (refused) { return ""; }
  }
  function nameColours() {
    document.querySelectorAll("[data-theme-button]").forEach(function (button) {
      var name = "Colours: " + NAMES[chosenColours()];
      button.querySelector("[data-theme-name]").textContent = name;
      button.setAttribute("aria-label", name + ". Change");
    });
  }
  function changeColours() {
    var order = ["", "light", "dark"];
    var next = order[(order.indexOf(chosenColours()) + 1) % order.length];
    try {
      if (next) { localStorage.setItem("colours", next); } else { localStorage.removeItem("colours"); }
    } catch (refused) { return; }
    window.applyColours();
    nameColours();
  }

  // --- times: the same words as alignment/wording.py ------------------------------------------------
  function span(seconds) {
    var s = Math.floor(seconds), parts;
    if (s < 60) { parts = [[s, "s"]]; }
    else if (s < 600) { parts = [[Math.floor(s / 60), "min"], [s % 60, "s"]]; }
    else if (s >= 172800) { parts = [[Math.floor(s / 86400), "d"], [Math.floor(s % 86400 / 3600), "h"]]; }
    else { parts = [[Math.floor(s / 3600), "h"], [Math.floor(s % 3600 / 60), "min"]]; }
    return parts.filter(function (p) { return p[0]; })
      .map(function (p) { return p[0] + " " + p[1]; }).join(" ") || "0 s";
  }
  function write(element, text) {
    if (element && element.textContent !== text) { element.textContent = text; }
  }
  function tick() {
    var now = Date.now();
    document.querySelectorAll("[data-due]").forEach(function (clock) {
      var left = (Date.parse(clock.dataset.due) - now) / 1000;
      var level = left < 0 ? "over" : left <= Number(clock.dataset.soon || 3600) ? "soon" : "fine";
      write(clock.querySelector("[data-left]"),
        left < 0 ? "overdue by " + span(-left) : span(left) + " left");
      if (clock.classList.contains("time-left-" + level)) { return; }
      clock.classList.remove("time-left-over", "time-left-soon", "time-left-fine");
      clock.classList.add("time-left-" + level);
      var use = clock.querySelector("use");
      var icon = { over: "alert-triangle", soon: "hourglass", fine: "clock" }[level];
      if (use) { use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#" + icon)); }
    });
    document.querySelectorAll("[data-when]").forEach(function (time) {
      var seconds = Math.trunc((Date.parse(time.dateTime) - now) / 1000);
      write(time.querySelector("[data-relative]"),
        seconds === 0 ? "now" : seconds > 0 ? "in " + span(seconds) : span(-seconds) + " ago");
    });
  }

  // --- what is folded away on the screen belongs to the paper -----------------------------------------
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details[data-print-open]:not([open])").forEach(function (folded) {
      folded.open = true;
      folded.dataset.printOpen = "for now";
    });
  });
  window.addEventListener("afterprint", function () {
    document.querySelectorAll('details[data-print-open="for now"]').forEach(function (folded) {
      folded.open = false;
      folded.dataset.printOpen = "";
    });
  });

  // --- a choice says below it what it means: the title of the option ---------------------------------
  document.addEventListener("change", function (event) {
    var select = event.target.closest("select[data-says]");
    var said = select && select.parentElement.querySelector("[data-said]");
    if (said && said.previousElementSibling === select) { write(said, select.selectedOptions[0].title); }
  });

  // --- a tap on a time shows the exact one; a hover on ⓘ opens its note ----------------------------
  document.addEventListener("click", function (event) {
    var target = event.target;
    if (target.closest("[data-theme-button]")) { changeColours(); }
    var time = target.closest("time.when, time.time-left");
    if (time && !target.closest("a, button")) { time.classList.toggle("is-exact"); }
    document.querySelectorAll("details[data-note][open], details.user-menu[open]").forEach(function (open) {
      if (!open.contains(target)) { open.open = false; }
    });
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") { return; }
    document.querySelectorAll("details[data-note][open], details.user-menu[open]").forEach(function (open) {
      open.open = false;
      open.querySelector("summary").focus();
    });
  });
  function hover(event) {
    var note = event.target.closest && event.target.closest("details[data-note]");
    if (!note || event.pointerType !== "mouse") { return; }
    note.open = event.type === "pointerenter";
  }
  document.addEventListener("pointerenter", hover, true);
  document.addEventListener("pointerleave", function (event) {
    if (event.target.matches && event.target.matches("details[data-note]")) { hover(event); }
  }, true);
  document.addEventListener("click", function (event) {
    // the mouse has opened the note already by hovering; the click must not close it again
    var summary = event.target.closest("details[data-note] > summary");
    if (summary && event.detail > 0 && window.matchMedia("(hover: hover)").matches) { event.preventDefault(); }
  });

  // --- forms: one submission each; filters apply when changed --------------------------------------
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (event.defaultPrevented || form.method !== "post") { return; }
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    window.setTimeout(function () { delete form.dataset.sent; }, 4000);
  });
  document.addEventListener("change", function (event) {
    var form = event.target.closest("form[data-apply]");
    if (form) { form.requestSubmit(); }
  });
  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-print]")) { window.print(); }
  });

  // --- what an act came to is where reading goes on ---------------------------------------------------
  var came = document.querySelector("[data-focus]");
  if (came) { came.focus(); }

  nameColours();
  tick();
  window.setInterval(tick, 1000);
  document.addEventListener("htmx:afterSwap", tick);
  // a row of a draft that is judged while it is typed: its wrong entry is marked, as on the page that is sent
  document.addEventListener("htmx:oobAfterSwap", function (event) {
    var problem = event.detail.target && document.getElementById(event.detail.target.id);
    var row = problem && problem.hasAttribute("data-wrong") && problem.closest(".definition-row");
    if (!row) { return; }
    row.querySelectorAll("select, textarea").forEach(function (entry) {
      if (entry.name === problem.dataset.wrong) { entry.setAttribute("aria-invalid", "true"); }
      else { entry.removeAttribute("aria-invalid"); }
    });
  });
  // a region that refreshes itself must not be filled with the login page when the session has ended
  document.addEventListener("htmx:beforeSwap", function (event) {
    var answered = event.detail.xhr.responseURL;
    if (answered && new URL(answered).pathname.indexOf("/accounts/") === 0) {
      event.detail.shouldSwap = false;
      window.location.reload();
    }
  });
})();
