/** Cookies of this browser, which all pages of the console share. */

/** What a cookie holds, or nothing. */
export function cookie(name) {
  const found = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

/** Has the browser keep a value; an empty one ends the cookie. */
export function setCookie(name, value, seconds) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = `Max-Age=${value ? seconds : 0}`;
  document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; SameSite=Strict; ${age}${secure}`;
}
