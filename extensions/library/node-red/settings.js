// Node-RED's settings. What a person may choose comes from the environment; everything else is Node-RED's default.
const crypto = require("crypto");

// equal compares in constant time, whatever the lengths are.
function equal(given, wanted) {
  const digest = (text) => crypto.createHash("sha256").update(String(text)).digest();
  return crypto.timingSafeEqual(digest(given), digest(wanted));
}

const owner = { username: process.env.NODE_RED_USERNAME, permissions: "*" };

module.exports = {
  uiPort: 1880,
  flowFile: "flows.json",
  credentialSecret: process.env.NODE_RED_CREDENTIAL_SECRET,
  diagnostics: { enabled: true, ui: true },
  runtimeState: { enabled: false, ui: false },
  adminAuth: {
    type: "credentials",
    users: async (name) => (name === owner.username ? owner : null),
    authenticate: async (name, password) =>
      equal(name, owner.username) && equal(password, process.env.NODE_RED_PASSWORD) ? owner : null,
  },
};
