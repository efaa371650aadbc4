/** Whether an absolute, normalised path is a directory or lies below it. */
export function isWithin(path: string, parent: string): boolean {
  return path === parent || path.startsWith(parent === "/" ? "/" : `${parent}/`);
}
