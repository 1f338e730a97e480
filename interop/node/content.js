/** Message contents that every driver sends and compares. */

/** 1000 octets in which every octet value occurs. */
export const everyOctet = Buffer.from(Array.from({ length: 1000 }, (_, index) => (index * 7 + (index >> 8)) % 256));

export const text = "Grüße, 世界, здравствуй, 🐇\u0000\n";

export const textHeaders = { "größe-尺寸": "ein Schlüssel, der nicht ASCII ist", plain: "ç" };

/** Header values that mean the same to all clients: text, a number and a truth. */
export const headers = { colour: "red", size: 3, tall: true };

/** The other properties, under the names that all three clients use; the timestamp is in their own form. */
export const properties = {
  contentType: "application/octet-stream",
  contentEncoding: "identity",
  deliveryMode: 2,
  priority: 5,
  correlationId: "correlation-1",
  replyTo: "somewhere.else",
  expiration: "60000",
  messageId: "message-1",
  type: "type-1",
  userId: "guest",
  appId: "application-1",
};

/** Seconds since 1970; beyond 32 bits, so that a cut timestamp shows. */
export const timestamp = 5_000_000_001;

/** 10 MB in which no two stretches are the same for long; `seed` makes another one. */
export function large(seed) {
  const octets = Buffer.allocUnsafe(10_485_760);
  let state = seed;
  for (let offset = 0; offset < octets.length; offset += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    octets.writeUInt32BE(state, offset);
  }
  return octets;
}
