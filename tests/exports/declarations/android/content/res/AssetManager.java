package android.content.res;

import java.io.InputStream;

/** A declaration, as far as generated code calls it; assets come from a folder here. */
public final class AssetManager {
    private final java.io.File folder;

    public AssetManager(java.io.File folder) {
        this.folder = folder;
    }

    public InputStream open(String name) throws java.io.IOException {
        return new java.io.FileInputStream(new java.io.File(folder, name));
    }
}
