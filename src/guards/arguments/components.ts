/** By node: the number of its strongly connected component (Tarjan), without recursion. */
export function components(size: number, next: (node: number) => Iterable<number>): number[] {
  const order = Array.from({ length: size }, () => -1);
  const low = Array.from({ length: size }, () => 0);
  const of = Array.from({ length: size }, () => -1);
  const open: number[] = [];
  let time = 0;
  let count = 0;
  for (let start = 0; start < size; start += 1) {
    if (order[start] !== -1) continue;
    const enter = (node: number): { node: number; next: Iterator<number> } => {
      order[node] = low[node] = time;
      time += 1;
      open.push(node);
      return { node, next: next(node)[Symbol.iterator]() };
    };
    const path = [enter(start)];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const step = top.next.next();
      if (step.done !== true) {
        if (order[step.value] === -1) path.push(enter(step.value));
        else if (of[step.value] === -1) low[top.node] = Math.min(low[top.node] as number, order[step.value] as number);
        continue;
      }
      path.pop();
      const above = path.at(-1);
      if (above !== undefined) low[above.node] = Math.min(low[above.node] as number, low[top.node] as number);
      if (low[top.node] !== order[top.node]) continue;
      for (let node = open.pop(); node !== undefined; node = open.pop()) {
        of[node] = count;
        if (node === top.node) break;
      }
      count += 1;
    }
  }
  return of;
}
