import vue from '@vitejs/plugin-vue';

export default {
  plugins: [vue()],
  build: { rollupOptions: { input: ['react.html', 'vue.html'] } },
};
