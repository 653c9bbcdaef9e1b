from api.server import main

if __name__ == "__main__":  # its workers import it too
    main()
