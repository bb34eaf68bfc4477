/** What a person chooses on a run's page goes into the address, and the page follows that. */

/** @import { Look, Place, Range } from "../types" */
/** @import { Deck } from "./deck.js" */
/** @import { Logged } from "./looks.js" */

import { format, go } from "../location.js";
import { rememberLook } from "../look.js";

/** @typedef {Extract<Place, { view: "run" }>} RunPlace */

/** Milliseconds that the scrubbed step rests before it is in the address. */
const SCRUB_PAUSE = 250;

export class RunAddress {
  #timer = 0;

  /** @param {RunPlace} place */
  constructor(place) {
    this.place = place;
  }

  /** Go elsewhere within the run, a step of the browser's history. @param {Partial<RunPlace>} change */
  choose(change) {
    go({ ...this.place, ...change });
  }

  /** What is typed letter by letter is no step of the history. @param {string | null} find */
  find(find) {
    go({ ...this.place, find }, { replace: true });
  }

  /** @param {Range | null} range */
  chooseRange(range) {
    go({ ...this.place, range }, { replace: true });
  }

  /** Draw in another way, here and from now on. @param {Partial<Look>} change */
  chooseLook(change) {
    rememberLook(change);
    const { look } = this.place;
    go({ ...this.place, look: { ...look, ...change, log: { ...look.log, ...change.log } } },
      { replace: true });
  }

  /** The address follows when the scrubber rests. @param {number | null} step */
  scrub(step) {
    this.place = { ...this.place, step };
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => go(this.place, { replace: true }), SCRUB_PAUSE);
  }

  /** The chart that it names has been shown, and is not meant when the address changes next. */
  forgetChart() {
    this.place = { ...this.place, chart: null };
  }

  /**
   * An address that opens a chart as it is now, whatever the other browser remembers.
   * @param {Deck} deck
   * @param {Logged} chart
   * @param {string | null} layer
   */
  linkTo({ looks, networks, step }, chart, layer) {
    return window.location.origin + format({
      ...this.place, step,
      seed: networks[0].seed,
      layer: layer ?? this.place.layer,
      chart: layer === null ? chart.id : `${chart.id}:${layer}`,
      look: looks.explicit([chart]),
    });
  }

  /**
   * An address that opens all that is in sight as it is now, likewise.
   * @param {Deck} deck
   */
  linkHere({ looks, networks, step, panels }) {
    return window.location.origin + format({ ...this.place, step, seed: networks[0].seed,
      look: looks.explicit(panels.map(({ chart }) => chart)) });
  }

  close() {
    window.clearTimeout(this.#timer);
  }
}
