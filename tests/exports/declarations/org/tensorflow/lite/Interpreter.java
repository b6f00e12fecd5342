package org.tensorflow.lite;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Map;

/**
 * The declarations of LiteRT's class that generated code calls. In place of the native runtime, whose
 * library is in the Android archive alone, it keeps what it is fed and answers with `answers`, which the
 * Python runtime gave for the same samples.
 */
public final class Interpreter implements AutoCloseable {
    public static final ByteArrayOutputStream fed = new ByteArrayOutputStream();
    public static ByteBuffer answers;
    public static byte[] model;
    public static boolean mapped;

    public static class Options {
        public Options setNumThreads(int threads) {
            return this;
        }
    }

    public Interpreter(ByteBuffer model, Options options) {
        boolean mapped = model instanceof java.nio.MappedByteBuffer && model.isReadOnly();
        if (!mapped && (!model.isDirect() || model.order() != java.nio.ByteOrder.nativeOrder())) {
            throw new IllegalArgumentException("the runtime needs a direct buffer in native order");
        }
        Interpreter.mapped = mapped;
        Interpreter.model = new byte[model.remaining()];
        model.duplicate().get(Interpreter.model);
    }

    public void runForMultipleInputsOutputs(Object[] inputs, Map<Integer, Object> outputs) {
        for (Object input : inputs) {
            ByteBuffer buffer = ((ByteBuffer) input).duplicate();
            while (buffer.hasRemaining()) {
                fed.write(buffer.get());
            }
        }
        for (int index = 0; index < outputs.size(); index++) {
            ByteBuffer output = (ByteBuffer) outputs.get(index);
            while (output.hasRemaining()) {
                output.put(answers.get());
            }
        }
    }

    @Override
    public void close() {}
}
