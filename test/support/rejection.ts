// The error a promise rejects with, for asserting on its class and fields.

export async function rejection(promise: PromiseLike<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (failure) {
    if (failure instanceof Error) return failure;
    throw new TypeError('rejected with something that is no Error');
  }
  throw new TypeError('did not reject');
}
