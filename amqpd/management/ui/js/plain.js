// The API's reasons are RabbitMQ's words for programs. This is what they mean to who stands before the page.

const REASONS = {
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

/** A reason in plain words, with a full stop; one that nobody translated as it is. */
export const plainly = (reason) => REASONS[reason] ?? reason;
