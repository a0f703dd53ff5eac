"""An ordinary app: it takes the word of whoever is in front of it and knows neither passkeys nor tokens."""

from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/")
def home():
    return "Hello from Flask.\n"


@app.get("/api/whoami")
def whoami():
    return jsonify(
        userID=request.headers.get("X-User-ID"),
        email=request.headers.get("X-User-Email"),
        app="flask",
        protocol=request.environ["SERVER_PROTOCOL"],
    )
