// What stands for somebody beside their words.

/** @param {string} name */
export const initial = (name) => [...name][0]?.toUpperCase() ?? '';

/**
 * One of the six colours of chat.css, the same for everybody who looks.
 * @param {string} name
 */
export const colourOf = (name) => [...name].reduce((sum, char) => (31 * sum + Number(char.codePointAt(0))) % 9973, 0) % 6;
