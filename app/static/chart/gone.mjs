/** When a mounted component has really gone. */

const LOOK_AGAIN_MS = 200;

/**
 * Ends a component once its element has left the page. Streamlit asks for an end also for a call that the next one
 * overtakes, and on a busy machine that next call comes late.
 * @param {Node} element
 * @param {() => boolean} isOvertaken whether another call has come meanwhile
 * @param {() => void} end
 */
export function endOnceGone(element, isOvertaken, end) {
  setTimeout(() => {
    if (isOvertaken()) return;
    if (element.isConnected) endOnceGone(element, isOvertaken, end);
    else end();
  }, LOOK_AGAIN_MS);
}
