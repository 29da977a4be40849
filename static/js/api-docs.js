// Shows the OpenAPI document with Swagger UI; what is tried out goes out with the session and its CSRF token.
document.addEventListener("DOMContentLoaded", function () {
  var place = document.getElementById("api-docs");

  // The library's own layout brings a second <main> and a title; the page has both already.
  function requests(system) {
    var make = system.React.createElement;
    return {
      components: {
        Requests: function (given) {
          return make(
            "div",
            { className: "swagger-ui" },
            make(given.getComponent("SvgAssets")),
            make("div", { className: "scheme-container" }, make(given.getComponent("AuthorizeBtnContainer", true))),
            make(given.getComponent("errors", true)),
            make(given.getComponent("operations", true))
          );
        },
      },
    };
  }

  // Names for what the library leaves without one.
  function mend() {
    place.querySelectorAll("select:not([aria-label])").forEach(function (select) {
      select.setAttribute("aria-label", select.closest(".examples-select") ? "Example" : "Choice");
    });
    place.querySelectorAll("textarea:not([aria-label])").forEach(function (body) {
      body.setAttribute("aria-label", "Body of the request");
    });
    place.querySelectorAll("pre:not([tabindex])").forEach(function (pre) {
      pre.tabIndex = 0;
    });
  }

  function wear() {
    var isDark = document.documentElement.dataset.bsTheme === "dark";
    document.documentElement.classList.toggle("dark-mode", isDark);
  }

  new MutationObserver(mend).observe(place, { childList: true, subtree: true });
  new MutationObserver(wear).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  wear();

  window.SwaggerUIBundle({
    url: place.dataset.document,
    domNode: place,
    presets: [window.SwaggerUIBundle.presets.apis],
    plugins: [requests],
    layout: "Requests",
    docExpansion: "none",
    defaultModelsExpandDepth: -1,
    validatorUrl: null,
    requestInterceptor: function (request) {
      if (request.method && request.method !== "GET") {
        request.headers["X-CSRFToken"] = place.dataset.csrf;
      }
      return request;
    },
  });
});
