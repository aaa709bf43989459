/**
 * Blocks by number: a block of one step has its instance's id, longer ones get numbers as they are met. The
 * search keeps these numbers where it keeps instances otherwise, and a path of blocks is one of steps again.
 */
export class Blocks {
  private readonly instances: number;
  private readonly known = new Map<number, number>();
  /** Of each longer block: the block without its last step, and that step. */
  private readonly rests: number[] = [];
  private readonly lasts: number[] = [];
  private readonly firsts: number[] = [];

  constructor(instances: number) {
    this.instances = instances;
  }

  /** How many numbers are in use, single steps included. */
  get count(): number {
    return this.instances + this.rests.length;
  }

  /** The block that is `block` and then the step `instance`. */
  longer(block: number, instance: number): number {
    const key = block * this.instances + instance;
    let number = this.known.get(key);
    if (number === undefined) {
      number = this.count;
      this.known.set(key, number);
      this.firsts.push(this.firstOf(block));
      this.rests.push(block);
      this.lasts.push(instance);
    }
    return number;
  }

  /** The first step of a block. */
  firstOf(block: number): number {
    return block < this.instances ? block : this.firsts[block - this.instances];
  }

  /** The steps of a block, first to last. */
  stepsOf(block: number): number[] {
    const steps: number[] = [];
    let at = block;
    for (; at >= this.instances; at = this.rests[at - this.instances])
      steps.push(this.lasts[at - this.instances]);
    return [...steps, at].reverse();
  }
}
