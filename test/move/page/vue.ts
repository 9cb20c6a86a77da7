import { createApp } from 'vue';
import Room from './.build/components/Room.vue';

createApp(Room, { room: '1' }).mount('#app');
