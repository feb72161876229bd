import PluginAPI

/// A page that shows `/openapi.json`; its scripts are files, so that its policy can forbid all others.
struct ApiDocsPage: Sendable {
    /// The last segment of the script that starts the viewer, below `/docs/`.
    let startName: String
    /// That script.
    let startScript: String
    private let viewer: String
    private let stylesheet: String?
    private let policy: String

    /// Swagger UI; `Authorize` sends a token with what is tried out.
    static let swagger = ApiDocsPage(
        startName: "swagger-start.js",
        startScript: description + """
            describe((spec, token) => SwaggerUIBundle({
              spec,
              dom_id: "#api",
              deepLinking: true,
              displayRequestDuration: true,
              validatorUrl: null,
              requestInterceptor: (request) => {
                const own = new URL(request.url, location.href).origin === location.origin;
                if (token && own && !request.headers.Authorization) request.headers.Authorization = `Bearer ${token}`;
                return request;
              },
            }));

            """, viewer: "swagger-ui-bundle.js", stylesheet: "swagger-ui.css",
        // Pictures and files that were fetched are shown from memory.
        policy: "style-src 'self'; img-src 'self' data: blob:; media-src blob:")

    /// ReDoc.
    static let redoc = ApiDocsPage(
        startName: "redoc-start.js",
        startScript: description + """
            describe((spec) => Redoc.init(spec, {}, document.getElementById("api")));

            """, viewer: "redoc.standalone.js", stylesheet: nil,
        // It writes its styles into the page, and searches in a worker made of a text.
        policy: "style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:")

    /// Fetches the description and shows it; asks for a token where the daemon wants one, and keeps it in the page alone.
    private static let description = """
        "use strict";
        const source = document.currentScript.dataset.openapi;

        async function describe(show, token) {
          const answer = await fetch(source, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
          if (answer.status === 401 || answer.status === 403) return ask(show, answer.status, token);
          const place = document.getElementById("api");
          if (!answer.ok) {
            place.textContent = `${source}: ${answer.status}`;
            return;
          }
          place.replaceChildren();
          show(await answer.json(), token);
        }

        function ask(show, status, token) {
          const form = document.createElement("form");
          const label = document.createElement("label");
          const field = document.createElement("input");
          const button = document.createElement("button");
          label.textContent = token ? `This token may not (${status}). ` : "This daemon asks for a token. ";
          field.type = "password";
          field.autocomplete = "off";
          button.textContent = "Show";
          label.append(field);
          form.append(label, button);
          form.onsubmit = (event) => {
            event.preventDefault();
            describe(show, field.value);
          };
          document.getElementById("api").replaceChildren(form);
          field.focus();
        }


        """

    /// The page; addresses are relative, for proxies that put a prefix before them.
    func response(to request: Request) -> Response {
        let up = request.path.hasSuffix("/") ? "../" : ""
        let style = stylesheet.map { "<link rel=\"stylesheet\" href=\"\(up)docs/\($0)\">\n" } ?? ""
        let text = """
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>comfyd API</title>
            <link rel="icon" type="image/png" href="\(up)docs/favicon-32x32.png">
            \(style)<body>
            <div id="api"></div>
            <script src="\(up)docs/\(viewer)"></script>
            <script src="\(up)docs/\(startName)" data-openapi="\(up)openapi.json"></script>
            </body>
            </html>

            """
        var response = Response.text(text, type: "text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] =
            "default-src 'none'; script-src 'self'; connect-src 'self'; \(policy); base-uri 'none'; "
            + "form-action 'none'; frame-ancestors 'none'"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
    }
}
