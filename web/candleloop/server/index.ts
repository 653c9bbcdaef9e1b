/** The proxy routes between the browser and the inference service; for route handlers alone. */

export { forwarded, type Handler } from "./forwarded";
export { refusalOfHost } from "./pages";
