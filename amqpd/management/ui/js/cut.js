// A list that is here as a whole, filtered, sorted and cut into pages as the API does it with those that it keeps.

/**
 * `asked`: `{name, use_regex, sort, sort_reverse, page, page_size}`, texts as in a query. Returns what a page of the API
 * holds; a page behind the last is the last. Throws for a pattern that is none.
 */
export function cut(items, asked, nameOf) {
  const matches = filter(asked);
  const found = items.filter((item) => matches(nameOf(item)));
  if (asked.sort) found.sort(by(asked.sort, asked.sort_reverse === "true" ? -1 : 1));
  const size = Number(asked.page_size);
  const last = Math.max(1, Math.ceil(found.length / size));
  const page = Math.min(Number(asked.page), last);
  return {
    items: found.slice((page - 1) * size, page * size),
    page,
    page_count: last,
    filtered_count: found.length,
    total_count: items.length,
  };
}

const by = (field, order) => (one, other) =>
  order * (one[field] < other[field] ? -1 : one[field] > other[field] ? 1 : 0);

function filter({ name, use_regex: useRegex }) {
  if (useRegex === "true") {
    const pattern = new RegExp(name, "i");
    return (each) => pattern.test(each);
  }
  const wanted = name.toLowerCase();
  return (each) => each.toLowerCase().includes(wanted);
}
