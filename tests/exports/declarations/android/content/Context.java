package android.content;

/** A declaration, as far as generated code calls it; the SDK's class is on devices alone. */
public abstract class Context {
    public abstract android.content.res.AssetManager getAssets();
}
