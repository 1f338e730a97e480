// The API's reasons are RabbitMQ's words for programs. This is what they mean to who stands before the page.

const REASONS = {
  __proto__: null,
  "Not Found": "There is nothing of this name, or it is gone.",
  "Access refused.": "This user lacks a permission for it, or the name begins with amq., which is for the broker.",
  "Not management user":
    "This user has no tag for these pages. An administrator can give it one: management, policymaker, monitoring or administrator.",
  "Not monitor user": "This is for users with the tag monitoring or administrator.",
  "Not administrator user": "This is for users with the tag administrator.",
  "User not authorised to access virtual host": "This user has no permissions in this virtual host, or it is not there.",
  "User not authorised to access object": "This is for its own user, and for the tags monitoring and administrator.",
  "User can only log in via localhost":
    "This user may log in from the broker's own machine only. Log in as another one (the broker's default.user makes one at its first start).",
  "Pagination parameters are invalid": "The filter is no regular expression that the broker takes.",
};

/** Those that are a list: what is not there, and its name. */
const MISSING = {
  __proto__: null,
  no_such_vhost: (name) => `There is no virtual host ${name}.`,
  no_such_user: (name) => `There is no user ${name}.`,
};
const NAMELESS = "It names no virtual host: a document that was exported from one has to be imported into one.";

/** A reason in plain words, with a full stop; one that nobody translated as it is. */
export function plainly(reason) {
  if (typeof reason === "string") return REASONS[reason] ?? reason;
  const [what, name] = Array.isArray(reason) ? reason : [];
  if (what === "no_such_vhost" && name === "undefined") return NAMELESS;
  return MISSING[what]?.(name) ?? JSON.stringify(reason);
}
