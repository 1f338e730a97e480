// Numbers and times as people read them.

const grouped = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** 12,345; an en dash for what isn't known. */
export const count = (value) => (typeof value === "number" ? grouped.format(value) : "–");

/** 12.3K, for axes. */
export const compact = (value) => short.format(value);

/** 1,234/s; an en dash as long as there is no earlier count to compare with. */
export function rate(value) {
  if (typeof value !== "number") return "–";
  return `${value >= 10 ? grouped.format(Math.round(value)) : Number(value.toFixed(1))}/s`;
}

/** 42 %, of a share of 1; undefined where there is none. */
export const share = (value) => (typeof value === "number" ? `${Math.round(value * 100)} %` : undefined);

/** 1.5 MiB. */
export function octets(value) {
  if (typeof value !== "number") return "–";
  let [amount, unit] = [value, 0];
  while (Math.abs(amount) >= 1024 && unit < UNITS.length - 1) [amount, unit] = [amount / 1024, unit + 1];
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** 2 d 3 h, of milliseconds: the two greatest units. */
export function duration(milliseconds) {
  let seconds = Math.floor(milliseconds / 1000);
  const parts = [];
  for (const [size, unit] of [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ]) {
    const amount = Math.floor(seconds / size);
    seconds -= amount * size;
    if (amount > 0 || (unit === "s" && parts.length === 0)) parts.push(`${amount} ${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

/** A moment, given in milliseconds, in the reader's own zone. */
export const moment = (milliseconds) => new Date(milliseconds).toLocaleString();

/** "1 message", "2 messages". */
export const many = (amount, one, more = `${one}s`) => `${count(amount)} ${amount === 1 ? one : more}`;

/** Any JSON value in one line. */
export const value = (any) => (typeof any === "string" ? any : JSON.stringify(any));
