/** Waiting for what a client reports, with a deadline: nothing here sleeps. */

const DEADLINE = 30_000; // ms; only a failing scenario takes that long

/** What `promise` resolves to; rejects when that takes longer than the deadline, saying `what` was waited for. */
export async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing in ${DEADLINE / 1000} s`)), DEADLINE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What callbacks hand in, in order, for those who wait for it. */
export class Inbox {
  #items = [];
  #waiting = [];

  /** @param {string} what names the items in errors */
  constructor(what) {
    this.what = what;
  }

  /** Hand in an item; bound, so that it can be given away as a callback. */
  put = (item) => {
    const taker = this.#waiting.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  };

  /** The next item, when it is there. */
  take() {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    return within(new Promise((resolve) => this.#waiting.push(resolve)), this.what);
  }

  /** The next `count` items. */
  async takeMany(count) {
    const taken = [];
    while (taken.length < count) taken.push(await this.take());
    return taken;
  }

  /** How many items are there that nobody took; callbacks that are already due run first. */
  async waiting() {
    await new Promise(setImmediate);
    return this.#items.length;
  }
}
