// Places for squares that do not cover each other.

/** Takes the middle of a square with such a side, and says whether it is apart from all squares that were taken before. */
export function freePlaces(side) {
  const cells = new Map(); // of the side's width: each has one middle at most
  return (x, y) => {
    const column = Math.floor(x / side), row = Math.floor(y / side);
    for (let i = column - 1; i <= column + 1; i++)
      for (let j = row - 1; j <= row + 1; j++) {
        const other = cells.get(`${i}/${j}`);
        if (other && Math.abs(other.x - x) < side && Math.abs(other.y - y) < side) return false;
      }
    cells.set(`${column}/${row}`, { x, y });
    return true;
  };
}
