/** The sizes of dma-core, as every peer's model takes them. */
export interface DmaCoreSize {
  readonly pages: number;
  readonly iovas: number;
  readonly cpus: number;
}

/** `4x3x2`: four pages, three iovas, two CPUs. */
export function parseSize(instance: string): DmaCoreSize {
  const [pages, iovas, cpus] = instance.split("x").map(Number);
  return { pages, iovas, cpus };
}
