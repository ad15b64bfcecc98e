// Constants of the contract's vectors.

/** The secret that signed the vectors' cookies and tokens; the server under test must run with it. */
export const SECRET = "spec-vector-secret-0123456789-ABCDEFGHIJ";
