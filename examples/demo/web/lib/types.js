// What the browser and the API routes say to each other.
export const statuses = ['online', 'away', 'busy'];
