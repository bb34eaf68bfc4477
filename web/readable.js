/** Text from the server as it can be read: what would turn the order of other text around is seen. */

/** Embeddings, overrides and isolates of Unicode's bidirectional algorithm. */
const TURNING = /[\u202A-\u202E\u2066-\u2069]/g;

/**
 * A text in which each such sign is one that is seen; in a JSON document only strings can hold them.
 * @param {string} text
 */
export const readable = (text) => text.replace(TURNING, "\uFFFD");
