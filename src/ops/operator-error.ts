// What only the operator can mend. The message is one sentence that says what was found and what to change; it is printed
// as it is, without a stack.

export class OperatorError extends Error {
  override readonly name: string = "OperatorError"
}
