// What the suite is told about the server under test. Read once; a missing name fails at once.

const read = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: see README.md`);
  return value;
};

/** Origin of the server, equal to its public base URL. */
export const BASE_URL = read("BASE_URL");
/** A second server, alike but for deleting accounts only by a mailed link. */
export const DELETION_BY_MAIL_URL = read("DELETION_BY_MAIL_URL");
/** Lists the mails sent to `?to=ADDRESS`, oldest first; several addresses, separated by spaces, when each server has its own list. */
export const MAIL_URL = read("MAIL_URL");
/** `reference` or `greenroom`: decides how rows are imported. */
export const TARGET = read("TARGET");
/** The secret that signs cookies and tokens. */
export const AUTH_SECRET = read("AUTH_SECRET");
/** Google's endpoints and the control route of the fake. */
export const GOOGLE = {
  url: read("GOOGLE_URL"),
  controlUrl: read("GOOGLE_CONTROL_URL"),
  clientId: read("GOOGLE_CLIENT_ID"),
  clientSecret: read("GOOGLE_CLIENT_SECRET"),
};
/** The operator's token of a server, only for the product. */
export const operatorToken = (base) =>
  read(base === DELETION_BY_MAIL_URL ? "DELETION_BY_MAIL_OPERATOR_TOKEN" : "OPERATOR_TOKEN");
