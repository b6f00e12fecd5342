package android.content.res;

import java.io.InputStream;

/** A declaration, as far as generated code calls it; assets come from a folder here. */
public final class AssetManager {
    private final java.io.File folder;

    public AssetManager(java.io.File folder) {
        this.folder = folder;
    }

    public AssetFileDescriptor openFd(String name) throws java.io.IOException {
        java.io.File file = new java.io.File(folder, name);
        if (new java.io.File(folder, name + ".compressed").exists()) {
            throw new java.io.FileNotFoundException("This file can not be opened as a file descriptor");
        }
        return new AssetFileDescriptor(file);
    }

    public InputStream open(String name) throws java.io.IOException {
        return new java.io.FileInputStream(new java.io.File(folder, name));
    }
}
