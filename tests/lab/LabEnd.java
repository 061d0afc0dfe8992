// LabEnd.java - a TLS end of Java's own stack.
//
//   java LabEnd.java client ADDRESS PORT NAME PROTOCOL...   one handshake, a few bytes, and closes
//   java LabEnd.java server PORT KEYSTORE PROTOCOL...       serves until killed
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

public class LabEnd {
    static final char[] PASSWORD = "laboratory".toCharArray();

    static class TrustAll implements X509TrustManager {
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }

    static String[] from(String[] words, int first) {
        return Arrays.copyOfRange(words, first, words.length);
    }

    static void client(String[] words) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new TrustAll()}, null);
        String host = words[1];
        try (SSLSocket socket =
                (SSLSocket) context.getSocketFactory().createSocket(host, Integer.parseInt(words[2]))) {
            socket.setSoTimeout(8000);
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setServerNames(List.of(new SNIHostName(words[3])));
            socket.setSSLParameters(parameters);
            socket.setEnabledProtocols(from(words, 4));
            socket.startHandshake();
            socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes());
            socket.getInputStream().read(new byte[64]);
        }
    }

    static void server(String[] words) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream file = new FileInputStream(words[2])) {
            store.load(file, PASSWORD);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(store, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        SSLServerSocket listener = (SSLServerSocket)
                context.getServerSocketFactory().createServerSocket(Integer.parseInt(words[1]));
        listener.setEnabledProtocols(from(words, 3));
        while (true) {
            try (SSLSocket socket = (SSLSocket) listener.accept()) {
                socket.setSoTimeout(8000);
                socket.getInputStream().read(new byte[512]);
                socket.getOutputStream().write("HTTP/1.0 200 OK\r\n\r\nhello\n".getBytes());
            } catch (java.io.IOException failed) {
                System.err.println(failed);
            }
        }
    }

    public static void main(String[] words) throws Exception {
        if (words[0].equals("client")) {
            client(words);
        } else {
            server(words);
        }
    }
}
