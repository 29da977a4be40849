// Shows the OpenAPI document with Swagger UI; what is tried out goes out with the session and its CSRF token.
document.addEventListener("DOMContentLoaded", function () {
  var place = document.getElementById("api-docs");
  window.SwaggerUIBundle({
    url: place.dataset.document,
    domNode: place,
    presets: [window.SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    docExpansion: "none",
    defaultModelsExpandDepth: -1,
    validatorUrl: null,
    deepLinking: false,
    persistAuthorization: false,
    requestInterceptor: function (request) {
      if (request.method && request.method !== "GET") {
        request.headers["X-CSRFToken"] = place.dataset.csrf;
      }
      return request;
    },
  });
});
