/** Lines up text in columns. */

/** Rows under a head, columns as wide as their widest cell; numbers to the right. Ends with a line end. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => cellText(row[column]).length)))
  const line = (cells: readonly (string | number | undefined)[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return isRight(column, rows) ? cellText(cell).padStart(width) : cellText(cell).padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return `${[line(head), ...rows.map((row) => line(row))].join('\n')}\n`
}

function isRight(column: number, rows: readonly (readonly (string | number)[])[]): boolean {
  return rows.length > 0 && rows.every((row) => typeof row[column] === 'number')
}

function cellText(cell: string | number | undefined): string {
  return cell === undefined ? '' : String(cell)
}
