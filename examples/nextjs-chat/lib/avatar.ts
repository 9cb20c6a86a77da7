// What stands for somebody beside their words.

export const initial = (name: string) => [...name][0]?.toUpperCase() ?? '';

/** One of the six colours of chat.css, the same for everybody who looks. */
export const colourOf = (name: string) => [...name].reduce((sum, char) => (31 * sum + char.codePointAt(0)!) % 9973, 0) % 6;
