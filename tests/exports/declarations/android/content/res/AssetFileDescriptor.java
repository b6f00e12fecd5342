package android.content.res;

import java.io.File;
import java.io.FileInputStream;

/** A declaration, as far as generated code calls it. */
public final class AssetFileDescriptor implements java.io.Closeable {
    private final File file;

    AssetFileDescriptor(File file) {
        this.file = file;
    }

    public FileInputStream createInputStream() throws java.io.IOException {
        return new FileInputStream(file);
    }

    public long getStartOffset() {
        return 0;
    }

    public long getDeclaredLength() {
        return file.length();
    }

    @Override
    public void close() {}
}
