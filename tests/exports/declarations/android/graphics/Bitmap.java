package android.graphics;

/** As far as generated code uses it: colours as 0xAARRGGBB. */
public final class Bitmap {
    private final int[] colours;
    private final int width;

    public Bitmap(int[] colours, int width) {
        this.colours = colours;
        this.width = width;
    }

    public int getHeight() {
        return colours.length / width;
    }

    public int getWidth() {
        return width;
    }

    public void getPixels(int[] pixels, int offset, int stride, int x, int y, int width, int height) {
        for (int row = 0; row < height; row++) {
            System.arraycopy(colours, (y + row) * this.width + x, pixels, offset + row * stride, width);
        }
    }
}
