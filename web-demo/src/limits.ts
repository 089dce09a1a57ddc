/** Every maximum of the page in one place. */

/** Characters of a title; longer input is cut by the field. */
export const TITLE_CHARS = 200;
/** Characters from which on a note is as high as a note can be: 13 lines of the widest column hold fewer. */
export const LONG_NOTE_CHARS = 1_000;
/** Characters of a tag. */
export const TAG_CHARS = 40;
/** Characters of a person's name, typed here or received. */
export const NAME_CHARS = 40;
/** Activity entries kept; older ones are dropped. */
export const ACTIVITY_ITEMS = 80;
/** Entities described one by one when changes arrive together; a larger batch is one entry. */
export const ACTIVITY_BATCH = 12;
/** Milliseconds within which further typing into the same text joins the same activity entry. */
export const ACTIVITY_JOIN_MS = 4_000;
/** Milliseconds between two presence messages that only carry a new version and digest. */
export const REPORT_MS = 1_000;
/** Version vector entries told to the others; the newest replicas come first, so a long history stays a small message. */
export const REPORT_ENTRIES = 24;
/** Rows and columns of the version vector table. */
export const VECTOR_ROWS = 10;
export const VECTOR_COLUMNS = 6;
/** Avatars in the top bar; the rest is a number. */
export const AVATARS = 5;
/** Names of replicas remembered across reloads, so that old changes keep their author. */
export const NAMES_KEPT = 200;
/** Notices on screen at one time. */
export const NOTICES = 3;
/** Cards whose moves are animated; a larger board jumps. */
export const ANIMATED_CARDS = 120;
