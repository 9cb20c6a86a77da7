const maxEntries = 500;
export const emptyRoom = { entries: [], people: new Map(), statuses: new Map(), typing: [] };
export function roomReducer(room, event) {
    switch (event.type) {
        case 'entered':
            // Whoever is not online tells us after we came.
            return { ...room, people: event.people, statuses: new Map() };
        case 'joined': {
            const next = { ...room, people: new Map(room.people).set(event.who.id, event.who.name) };
            return event.quietly ? next : notice(next, `${event.who.name} joined`);
        }
        case 'left': {
            const { id, name } = event.who;
            return notice({ ...room, people: without(room.people, id), statuses: without(room.statuses, id) }, `${name} left`);
        }
        case 'status':
            return { ...room, statuses: new Map(room.statuses).set(event.id, event.status) };
        case 'typing':
            return { ...room, typing: event.ids };
        case 'message': {
            const { id, senderId } = event.message;
            // The id is the sender's choice, so it counts only together with the sender.
            const known = room.entries.some((e) => e.kind === 'message' && e.id === id && e.senderId === senderId);
            return known ? change(room, id, senderId, { state: 'sent' }) : add(room, { kind: 'message', state: event.state, ...event.message });
        }
        case 'sending':
            return change(room, event.id, event.senderId, { state: 'sending', problem: undefined });
        case 'sent':
            return change(room, event.message.id, event.message.senderId, { ...event.message, state: 'sent', problem: undefined });
        case 'failed':
            return change(room, event.id, event.senderId, { state: 'failed', problem: event.problem });
        case 'emptied':
            return emptyRoom;
    }
}
let notices = 0;
const notice = (room, text) => add(room, { kind: 'notice', id: `${notices++}`, text });
const add = (room, entry) => ({ ...room, entries: [...room.entries, entry].slice(-maxEntries) });
function change(room, id, senderId, fields) {
    const entries = room.entries.map((e) => e.kind === 'message' && e.id === id && e.senderId === senderId ? { ...e, ...fields } : e);
    return { ...room, entries };
}
function without(map, key) {
    const rest = new Map(map);
    rest.delete(key);
    return rest;
}
